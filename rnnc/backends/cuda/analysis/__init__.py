"""What a program holds, before any text: products, values put together from parts, loops behind others."""
