"""Generated from proto/snakepit_bridge.proto by `npm run proto`. Never edit."""
