-- What cards of more kinds than a purse can do, and why they are declined.

INSERT INTO operations VALUES
    (16, 'activation'),
    (17, 'withdrawal'),
    (18, 'renewal'),
    (19, 'item_registration'),
    (20, 'item_inquiry'),
    (21, 'item_claim'),
    (22, 'repayment'),
    (23, 'settlement'),
    (24, 'debt_inquiry');

INSERT INTO reasons VALUES
    (100, 'card_not_activated'),
    (101, 'card_already_activated'),
    (102, 'card_not_linked'),
    (103, 'membership_ended'),
    (104, 'above_period_amount'),
    (105, 'above_period_count'),
    (106, 'item_missing'),
    (107, 'item_unknown'),
    (108, 'item_known'),
    (109, 'item_term_ended'),
    (110, 'item_claimed'),
    (111, 'instalments_refused'),
    (112, 'settlement_is_another');
