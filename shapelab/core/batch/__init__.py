"""Many pictures, meshes and voxel files at one go: what is made of each, and the sheet of all."""
