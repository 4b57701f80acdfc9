"""The paper's algorithm: losses, updates, their order, and the state they change."""
