-- A programme priced in Python can fail to price a message: the reason needs its name.

INSERT INTO reasons VALUES
    (83, 'pricing_failed');
