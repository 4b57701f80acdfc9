"""Depth pictures: how they are read, and the object that stands out in one."""
