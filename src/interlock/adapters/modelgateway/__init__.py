"""The one way to models: keys stay here, use is counted here, caps hold here."""
