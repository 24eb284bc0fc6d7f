//! PocketIC's REST API of instances.
