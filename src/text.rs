//! Reads workflow documents from YAML and JSON text.
