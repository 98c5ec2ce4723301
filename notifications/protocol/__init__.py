"""What goes over the wire. Pure: neither the database nor the network."""
