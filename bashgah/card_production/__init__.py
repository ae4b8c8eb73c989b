"""Card production: from an order to the files of printers, personalisers and the switch."""
