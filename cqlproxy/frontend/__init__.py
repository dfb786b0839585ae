"""What applications see: the listener, their connections, the one node that the proxy shows them."""
