"""Driver for Texas Instruments IWR6843 radars over UART."""
