"""Floor 0: shapes. What may be said and asked, without how it is stored or carried."""
