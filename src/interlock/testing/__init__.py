"""What tests of Interlock, and of adapters written elsewhere, build on."""
