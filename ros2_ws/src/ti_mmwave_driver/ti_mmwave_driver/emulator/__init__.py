"""An IWR6843 without a board: the firmware's two UARTs on pseudo terminals."""
