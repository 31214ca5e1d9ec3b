"""plait: a service mesh made of actors on a NATS bus."""
