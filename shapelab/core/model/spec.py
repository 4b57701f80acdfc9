"""ModelSpec: everything needed to build the networks of a shape model, and its JSON form."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field, field_validator, model_validator

from shapelab.core.errors import clean

MAX_CLASSES, MAX_NAME = 1000, 100  # characters of a class's name

#: (output channels, kernel side, stride) of one 2-D convolution with SAME padding.
ConvShape = tuple[int, int, int]

#: The image encoder of 3D-IWGAN as released (256 x 256 RGB), from the authors' code.
RELEASED_IMAGE_CONVS: tuple[ConvShape, ...] = (
    (64, 11, 4),
    (128, 5, 4),
    (256, 5, 2),
    (512, 5, 2),
    (400, 8, 1),
)

#: EfficientNet-Lite0 without its last stage: (blocks, kernel side, stride of the first, expansion,
#: output channels) of its stages, after a stem of 32 channels with stride 2.
LITE0_STEM = 32
LITE0_STAGES: tuple[tuple[int, int, int, int, int], ...] = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
)
LITE0_LAST = 256  # channels of our own last layer, from which the heads read


class ModelSpec(BaseModel, frozen=True, extra="forbid"):
    """Shapes of the four networks. Defaults are the released 32^3 model of Smith & Meger 2017."""

    resolution: Literal[32, 64, 128] = Field(32, description="Voxels along each side of the grid.")
    latent_size: int = Field(200, ge=2, le=1024, description="Length of z; encoders give twice it.")
    generator_width: int = Field(
        256,
        ge=16,
        le=2048,
        description="Channels of the generator at 2^3; halved at each doubling.",
    )
    encoder_width: int = Field(
        32, ge=4, le=256, description="Channels of the voxel encoder's first layer; then doubled."
    )
    critic_width: int = Field(
        32, ge=4, le=256, description="Channels of the critic's first layer; then doubled."
    )
    image_size: int = Field(
        256, ge=32, le=512, description="Side of the encoder's picture, pixels."
    )
    image_mode: Literal["RGB", "LA", "RGBA"] = Field(
        "RGB",
        description="RGB on white, luminance and alpha (the cut-out mask) as two channels, or RGB "
        "with its background and the mask as a fourth channel.",
    )
    image_backbone: Literal["convolutions", "efficientnet_lite0"] = Field(
        "convolutions",
        description="What the image encoder is made of: image_convs, or EfficientNet-Lite0, which "
        "begins with weights of ImageNet and also tells the class, or that there is no object.",
    )
    image_convs: tuple[ConvShape, ...] = Field(
        RELEASED_IMAGE_CONVS,
        min_length=1,
        max_length=24,
        description="Image encoder's convolutions; a backbone has its own.",
    )
    camera: bool = Field(
        False, description="The image encoder also tells from where a picture was taken."
    )
    field: Literal["occupancy", "signed_distance"] = Field(
        "occupancy",
        description="What the generator's logits mean: how likely a cell is solid, or how deep "
        "its middle lies under the surface, in cells, up to 3.",
    )
    sub_cells: bool = Field(
        False,
        description="The 3-D networks take 2^3 cells for 8 channels of one twice as wide: a third "
        "of the work at 64^3.",
    )
    decoder: Literal["grids", "planes"] = Field(
        "grids",
        description="The generator's body: grids that double their side from 2^3 on (paper), or "
        "three planes at the side of its finest grid, from which each cell takes its features.",
    )
    residual_sides: tuple[Literal[4, 8, 16], ...] = Field(
        (),
        max_length=3,
        description="Sides of the generator's grids that get a residual block; 8 is cheap.",
    )
    classes: tuple[str, ...] = Field(
        (), max_length=MAX_CLASSES, description="Names of the classes it was trained on."
    )

    @field_validator("classes")
    @classmethod
    def _classes_can_be_told(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any(not name or len(name) > MAX_NAME or clean(name) != name for name in value):
            raise ValueError(f"a class needs a name of 1 to {MAX_NAME} plain characters")
        if len(set(value)) != len(value):
            raise ValueError("two classes have the same name")
        return value

    @field_validator("image_convs")
    @classmethod
    def _convs_are_sane(cls, value: tuple[ConvShape, ...]) -> tuple[ConvShape, ...]:
        for channels, kernel, stride in value:
            if not (1 <= channels <= 2048 and 1 <= kernel <= 15 and 1 <= stride <= 8):
                raise ValueError(f"convolution {(channels, kernel, stride)} is out of bounds")
        return value

    @model_validator(mode="after")
    def _width_divides(self) -> ModelSpec:
        if self.decoder == "planes":
            if self.generator_width % 12:
                raise ValueError("generator_width must be divisible by 12 for planes")
            if self.residual_sides:
                raise ValueError("residual_sides needs decoder = grids")
            return self
        if self.generator_width % 2 ** (self.doublings - 1):
            raise ValueError(
                f"generator_width {self.generator_width} cannot be halved "
                f"{self.doublings - 1} times"
            )
        reached = {4 << i for i in range(self.doublings - 1)}
        if not reached.issuperset(self.residual_sides):
            raise ValueError(f"residual_sides must be among {sorted(reached)}")
        return self

    @model_validator(mode="after")
    def _backbone_sees_colours(self) -> ModelSpec:
        if self.has_backbone and self.image_mode == "LA":
            raise ValueError("image_backbone = efficientnet_lite0 needs image_mode = RGB or RGBA")
        return self

    @property
    def doublings(self) -> int:
        """Strided layers between 2^3 and the networks' finest grid: 4 at 32^3, 5 at 64^3."""
        return self.resolution.bit_length() - 2 - self.sub_cells

    @property
    def plane_widths(self) -> tuple[int, ...]:
        """Channels of a plane at 4^2, 8^2, ... up to the side of the generator's finest grid."""
        shares = (12, 8, 6, 4, 3, 2)[: self.doublings]
        return tuple(self.generator_width * share // 12 for share in shares)

    @property
    def plane_features(self) -> int:
        """Features that a cell takes from the planes."""
        return self.generator_width // 6

    @property
    def network_side(self) -> int:
        """Side of the networks' finest grid."""
        return self.resolution // 2 if self.sub_cells else self.resolution

    @property
    def cell_channels(self) -> int:
        """Channels of the networks' finest grid: 8 sub-cells, or the cell itself."""
        return 8 if self.sub_cells else 1

    @property
    def grid(self) -> tuple[int, int, int]:
        """Shape of one voxel grid: axes x (right), y (back), z (up)."""
        return (self.resolution,) * 3

    @property
    def image_channels(self) -> int:
        return len(self.image_mode)

    @property
    def has_backbone(self) -> bool:
        """Whether the image encoder is a network that knew pictures before."""
        return self.image_backbone != "convolutions"


#: Settings that shape the image encoder and no other network.
IMAGE_FIELDS = (*(name for name in ModelSpec.model_fields if name.startswith("image_")), "camera")
