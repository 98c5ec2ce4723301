"""Step 6a: who may follow what, and from where: sessions, tokens, origins, addresses."""
