-- A card of a programme that has ended does nothing new.

INSERT INTO reasons VALUES
    (120, 'programme_retired');
