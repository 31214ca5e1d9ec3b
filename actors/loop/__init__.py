"""What plait adds to asyncio's event loop: timers, backoff, tasks that cost little, and who looks whether it runs."""
