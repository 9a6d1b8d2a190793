"""The ground floor: records, configuration, store, collection, privacy, platforms, servers, sync."""
