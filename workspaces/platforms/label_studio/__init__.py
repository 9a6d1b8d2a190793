"""Label Studio: its client, its forms, its sessions."""
