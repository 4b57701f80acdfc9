"""What surrounds a training in its process: other processes, commands, memory."""
