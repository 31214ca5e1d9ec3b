"""What plait adds to asyncio's event loop: timers, backoff, tasks that cost little."""
