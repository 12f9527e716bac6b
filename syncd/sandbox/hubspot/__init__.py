"""A model of HubSpot's CRM API, written to the vendor's contract not to our client: ``model.HubSpot``."""
