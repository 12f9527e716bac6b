"""syncd keeps SalesPulse in step with HubSpot and Salesforce, both ways, and loses nobody's edit on the way."""
