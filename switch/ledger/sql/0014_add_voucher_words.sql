-- What vouchers do, and why they are declined.

INSERT INTO operations VALUES
    (25, 'voucher_redemption');

INSERT INTO reasons VALUES
    (113, 'voucher_refused'),
    (114, 'voucher_price_is_another'),
    (115, 'voucher_tries_exceeded'),
    (116, 'voucher_redeemed'),
    (117, 'voucher_unreadable');
