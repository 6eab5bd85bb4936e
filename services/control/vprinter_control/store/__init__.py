"""The database: schema, migrations, transactions and queries."""
