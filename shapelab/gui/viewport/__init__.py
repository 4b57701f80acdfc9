"""The 3-D view: scene, camera, mouse and pictures of it."""
