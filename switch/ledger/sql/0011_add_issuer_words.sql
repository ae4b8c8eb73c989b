-- Cards of other banks: what their own bank can say, or not say, needs its names.

INSERT INTO reasons VALUES
    (90, 'issuer_declined'),
    (91, 'issuer_timeout'),
    (92, 'issuer_unavailable');
