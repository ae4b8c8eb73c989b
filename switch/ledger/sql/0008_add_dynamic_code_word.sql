-- A wrong code of a contactless card in stripe mode (CVC3).

INSERT INTO reasons VALUES
    (59, 'dynamic_code_wrong');
