"""What a site calls: notify one user, many users or a public topic, and show the progress of a job."""
