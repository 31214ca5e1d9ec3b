"""What tests of meshes will use; the simulator's public face comes here."""
