"""Operations on a layer; the result of each is compared with its intent."""
