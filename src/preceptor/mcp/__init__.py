"""Advice and the library for MCP clients: tools and resources, over stdio and HTTP. Needs the extra ``mcp``."""
