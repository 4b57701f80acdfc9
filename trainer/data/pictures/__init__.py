"""Pictures of shapes for the image encoder: cameras and drawing."""
