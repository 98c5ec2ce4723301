"""The site that shows the `notifications` app at work: settings, addresses, server entry point, demo data."""
