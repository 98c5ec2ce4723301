"""What a reader does with notifications: list, search, mark, archive, delete, undo."""
