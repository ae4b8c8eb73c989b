"""The switch: how a message travels from a socket to a durable answer and back."""
