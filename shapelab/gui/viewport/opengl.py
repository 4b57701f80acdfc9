"""Which OpenGL the window asks for, and whether there is any."""

from __future__ import annotations

from functools import cache

from PySide6.QtGui import QOffscreenSurface, QOpenGLContext, QSurfaceFormat

GL_RENDERER = 0x1F01
SOFTWARE_RENDERERS = (
    "llvmpipe",
    "softpipe",
    "swrast",
    "swiftshader",
    "gdi generic",
    "basic render",
)


def set_surface_format() -> None:
    """Choose the OpenGL format for the process; call it before the first window is made.

    On Wayland a format that is set later leaves the view black.
    """
    form = QSurfaceFormat()
    form.setRenderableType(QSurfaceFormat.RenderableType.OpenGL)
    form.setProfile(QSurfaceFormat.OpenGLContextProfile.CoreProfile)
    form.setVersion(3, 2)
    form.setSwapBehavior(QSurfaceFormat.SwapBehavior.DoubleBuffer)
    form.setRedBufferSize(8)
    form.setGreenBufferSize(8)
    form.setBlueBufferSize(8)
    form.setAlphaBufferSize(8)
    form.setDepthBufferSize(8)
    form.setStencilBufferSize(0)
    form.setSamples(0)
    QSurfaceFormat.setDefaultFormat(form)


def has_opengl() -> bool:
    """Whether OpenGL 3.2, which VTK needs, can be had here."""
    context = QOpenGLContext()
    return context.create() and context.format().version() >= (3, 2)


@cache
def is_software() -> bool:
    """Whether OpenGL is drawn by the processor, as far as its name tells; GUI thread only."""
    context, surface = QOpenGLContext(), QOffscreenSurface()
    surface.create()
    if not context.create() or not context.makeCurrent(surface):
        return False
    name = str(context.functions().glGetString(GL_RENDERER) or "").lower()
    context.doneCurrent()
    return any(word in name for word in SOFTWARE_RENDERERS)
