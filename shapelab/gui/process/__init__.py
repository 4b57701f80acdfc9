"""The training process as the app starts, follows, leaves and finds it again."""
