"""What is measured side by side: how each contestant is started between the same two clusters."""
