"""A model of Salesforce's REST API, written to the vendor's contract not to our client: ``model.Salesforce``."""
