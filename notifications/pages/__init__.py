"""The pages of readers: the centre, its actions and forms, and their tokens."""
