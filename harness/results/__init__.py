"""What a finished run leaves: result.json with the files beside it, and whether they agree."""
