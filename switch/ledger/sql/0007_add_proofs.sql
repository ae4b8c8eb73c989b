-- What a message proved (PIN, MAC, card code, cryptogram), and the counters that may only grow: of
-- the card's chip and of the terminal's derived keys. NULL where nothing was proven.

ALTER TABLE journal ADD COLUMN proofs SMALLINT;
ALTER TABLE journal ADD COLUMN card_counter INTEGER;
ALTER TABLE journal ADD COLUMN key_serial BIGINT;

INSERT INTO operations VALUES
    (15, 'key_exchange');

INSERT INTO reasons VALUES
    (12, 'mac_missing'),
    (13, 'mac_wrong'),
    (14, 'key_serial_repeated'),
    (15, 'no_terminal_keys'),
    (50, 'chip_expected'),
    (51, 'card_code_wrong'),
    (52, 'cryptogram_missing'),
    (53, 'cryptogram_repeated'),
    (54, 'cryptogram_wrong'),
    (55, 'pin_missing'),
    (56, 'pin_tries_exceeded'),
    (57, 'pin_unreadable'),
    (58, 'pin_wrong'),
    (84, 'hsm_unavailable');
