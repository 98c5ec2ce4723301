"""What a site calls: tell one, tell many, tell everybody who follows a public topic, and show how a job goes on."""
