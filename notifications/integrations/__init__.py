"""Other packages and servers that this app works with. Each is used only where a site asks for it."""
