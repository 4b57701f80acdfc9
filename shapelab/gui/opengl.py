"""Which OpenGL the window asks for, and whether there is any."""

from __future__ import annotations

from PySide6.QtGui import QOpenGLContext, QSurfaceFormat


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
