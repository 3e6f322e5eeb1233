"""Classes of tokens that a label may name, each a pattern of the token's text or a list of words.

A list of this project's own, after the idea of boolean vocabulary features (Gurnee et al. 2024, Universal Neurons).
Patterns must match the whole piece, leading space included; words are compared without surrounding space and case.
"""

from __future__ import annotations

import re

_WORD = r" ?[A-Za-z]"

PATTERNS: dict[str, str] = {
    # shape
    "words in capitals": r" ?[A-Z]{2,}",
    "capitalised words": r" ?[A-Z][a-z]+",
    "single capital letters": r" ?[A-Z]",
    "single small letters": r" ?[a-z]",
    "words in small letters": r" [a-z]{2,}",
    "continuations of words": r"[a-z]+",
    "capitals inside words": r" ?[A-Za-z]*[a-z][A-Z][A-Za-z]*",
    "long words": r" ?[A-Za-z]{9,}",
    "two-letter words": r" [A-Za-z]{2}",
    # numbers
    "digits": r" ?\d",
    "numbers": r" ?\d[\d.,]*",
    "years": r" ?(1[5-9]|20)\d\d",
    "letters with digits": r" ?(?=.*\d)(?=.*[A-Za-z])\w+",
    # punctuation
    "full stops": r" ?\.",
    "commas": r" ?,",
    "colons": r" ?:+",
    "semicolons": r" ?;+",
    "question marks": r" ?\?+",
    "exclamation marks": r" ?!+",
    "dots of omission": r" ?(…|\.{2,})",
    "opening brackets": r" ?[^\w\s]*[(\[{]",
    "closing brackets": r" ?[)\]}][^\w\s]*",
    "double quotation marks": r" ?[\"“”„«»]+",
    "single quotation marks": r" ?['‘’`]+",
    "contractions": r"['’](s|t|re|ve|ll|d|m)",
    "hyphens and dashes": r" ?[-–—]+",
    "slashes": r" ?[/\\]+",
    "underscores": r" ?_+",
    "equals signs": r" ?=+",
    "arithmetic signs": r" ?[+*×÷^%<>±-]{1,2}",
    "currency signs": r" ?[$€£¥]",
    "asterisks": r" ?\*+",
    "hash signs": r" ?#+",
    "at signs": r" ?@",
    "arrows": r" ?(->|=>|<-|→|←|>{3})",
    "brackets around nothing": r" ?[^\w\s]*(\(\)|\[\]|\{\})[^\w\s]*",
    "several punctuation marks": r" ?[^\w\s]{2,}",
    "line breaks": r"[ \t]*\n[\n \t]*",
    "blank lines": r"\s*\n\s*\n\s*",
    "indentation": r"[ \t]{2,}",
    # endings and beginnings
    "words in -ing": _WORD + r"+ing",
    "words in -ed": _WORD + r"+ed",
    "words in -ly": _WORD + r"+ly",
    "words in -tion": _WORD + r"*[st]ions?",
    "words in -ness": _WORD + r"+ness",
    "words in -ment": _WORD + r"+ments?",
    "words in -able": _WORD + r"+[ai]ble",
    "words in -ous": _WORD + r"+ous",
    "words in -ive": _WORD + r"+ive",
    "words in -al": _WORD + r"+al",
    "words in -ity": _WORD + r"+ity",
    "words in -ist or -ism": _WORD + r"+is[tm]s?",
    "words in -er": _WORD + r"+[^e]ers?",
    "words in -est": _WORD + r"+est",
    "words in -ful or -less": _WORD + r"+(ful|less)",
    "words in -ise or -ize": _WORD + r"+i[sz]e[ds]?",
    "words in -ic": _WORD + r"+ics?",
    "words in -s": _WORD + r"+[^s'’]s",
    "words that begin with un-": r" ?[Uu]n[a-z]{3,}",
    "words that begin with re-": r" ?[Rr]e[a-z]{3,}",
    "words that begin with pre- or pro-": r" ?[Pp]r[eo][a-z]{3,}",
    "words that begin with dis- or mis-": r" ?[DdMm]is[a-z]{3,}",
    "words that begin with con- or com-": r" ?[Cc]o[nm][a-z]{3,}",
    "words that begin with in- or im-": r" ?[Ii][nm][a-z]{3,}",
    # scripts
    "letters with accents": r"[ A-Za-z'’]*[À-ÖØ-öø-ž][A-Za-zÀ-ÖØ-öø-ž'’]*",
    "Cyrillic letters": r" ?[Ѐ-ӿ]+",
    "Greek letters": r" ?[Ͱ-Ͽ]+",
    "Hebrew letters": r" ?[֐-׿]+",
    "Arabic letters": r" ?[؀-ۿ]+",
    "Devanagari": r" ?[ऀ-ॿ]+",
    "Bengali": r" ?[ঀ-৿]+",
    "Thai letters": r" ?[฀-๿]+",
    "Chinese characters": r" ?[一-鿿]+",
    "Japanese kana": r" ?[぀-ヿ]+",
    "Hangul": r" ?[가-힣]+",
    "parts of a character": r"[^⟨]*(⟨[0-9A-F]{2}⟩)+.*",
}

WORDS: dict[str, str] = {
    # what occurs when
    "weekdays": "monday tuesday wednesday thursday friday saturday sunday mon tue wed thu fri sat sun weekend weekday",
    "months": "january february march april may june july august september october november december jan feb mar apr jun jul "
    "aug sep sept oct nov dec",
    "words of time": "today tomorrow yesterday now then soon later early late before after ago always never often sometimes "
    "once again already still yet until since while when",
    "units of time": "second seconds minute minutes hour hours day days week weeks month months year years decade century",
    "seasons and times of day": "spring summer autumn winter morning noon afternoon evening night midnight",
    "numbers in words": "zero one two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty hundred "
    "thousand million billion dozen",
    "ordinals": "first second third fourth fifth sixth seventh eighth ninth tenth last next previous",
    "words of quantity": "all some any many much few several most more less least each every both none enough half",
    # grammar
    "articles": "the a an",
    "words for I and we": "i me my mine myself we us our ours ourselves",
    "words for you": "you your yours yourself yourselves",
    "words for he, she and they": "he him his himself she her hers herself they them their theirs themselves",
    "words for it and this": "it its itself this that these those",
    "question words": "who whom whose what which when where why how",
    "forms of to be": "be am is are was were been being",
    "forms of to have": "have has had having",
    "forms of to do": "do does did done doing",
    "modal verbs": "can could may might must shall should will would cannot",
    "negations": "no not never none nothing nobody neither nor without don't doesn't isn't cannot won't",
    "prepositions": "of in to for with on at by from about into over after under between through during against among within",
    "conjunctions": "and or but because although though if unless while whereas so nor",
    "words of comparison": "more less than as like better worse best worst same different similar equal larger smaller",
    "words of cause": "because since therefore thus hence so due reason cause caused causes why",
    # the world
    "people of a family": "mother father mom dad brother sister son daughter wife husband uncle aunt cousin parents child "
    "children family baby",
    "men and women": "man men woman women boy boys girl girls male female gentleman lady sir madam guy",
    "parts of the body": "head face eye eyes ear ears nose mouth hand hands arm arms leg legs foot feet heart brain blood body "
    "skin hair finger bone",
    "animals": "animal animals dog dogs cat cats bird birds fish horse cow pig sheep mouse rat lion tiger bear wolf insect snake",
    "food and drink": "food water milk tea coffee wine beer bread meat cheese fruit apple sugar salt rice eat drink cook dinner",
    "colours": "red green blue yellow white black grey gray brown orange purple pink colour color",
    "places": "city town village street road house home room building school church country world place park office",
    "countries": "america china india france germany england britain russia japan italy spain canada mexico brazil australia "
    "egypt israel iran korea usa",
    "cities": "london paris berlin rome madrid moscow york washington tokyo beijing chicago boston vienna athens",
    "nationalities and languages": "english french german spanish italian russian chinese japanese american british greek latin "
    "arabic european indian portuguese",
    "nature": "sun moon earth star stars sky sea ocean river mountain tree trees forest rain snow wind fire sun planet",
    "feelings": "love hate fear happy sad angry joy afraid sorry glad hope feel feeling feelings like pleasure anger emotion",
    "greetings and thanks": "hello hi hey goodbye bye thanks thank welcome please sorry congratulations",
    "words of saying": "say says said tell told ask asked speak talk talking answer call called mean means explain",
    "words of thinking": "think thought know knew believe understand remember forget guess suppose consider decide learn",
    "words of seeing and hearing": "see saw seen look watch hear heard listen sound view show shown read",
    "words of moving": "go goes went come came run walk move turn leave left arrive return fall fly drive travel",
    "words of giving and taking": "give gave given take took taken get got put bring send sent receive keep hold buy sell",
    "directions": "up down left right north south east west above below top bottom front back inside outside",
    "money and trade": "money dollar dollars price cost pay paid buy sell bank market stock tax trade business economic invest",
    "politics and law": "government president state law war party political rights vote election court police army king congress",
    "science": "science theory physics energy force mass atom light electron chemistry biology gravity experiment quantum",
    "books and art": "book books novel author poem music song art film movie play story write wrote written writer literature",
    "religion": "god gods religion church bible faith soul heaven hell christian jesus spirit prayer holy",
    "sport and games": "game games sport team ball player win won football baseball basketball soccer race match play chess",
    "health": "health disease doctor medicine hospital drug pain sick illness cancer patient virus treatment cure",
    "titles of people": "mr mrs ms dr sir president king queen prince professor captain general lord",
    "first names": "john james robert michael william david richard thomas paul mark george peter mary linda susan anna "
    "elizabeth sarah jane alice bob tom jack",
    # programs and mathematics
    "key words of programs": "def class return import from if else elif for while try except finally raise with lambda yield "
    "pass break continue assert del global async await in is not and or",
    "constants of programs": "true false none null nan inf self cls void",
    "types of programs": "int float str bool list dict tuple set bytes object string array integer boolean ndarray dtype char",
    "exceptions": "error exception valueerror typeerror keyerror indexerror runtimeerror attributeerror warning errors",
    "words of programs": "function method module argument arguments parameter parameters variable attribute instance default "
    "optional keyword callable iterable iterator index type value values key keys",
    "files and systems": "file files path directory filename stream socket process thread buffer memory disk server client "
    "system command shell unicode encoding",
    "mathematics": "matrix vector array axis shape dimension sum product mean variance polynomial coefficient coefficients "
    "linear equation root integral derivative eigenvalue norm distribution probability sample",
    # other languages
    "German function words": "der die das und ist nicht ein eine zu den von mit sich auf für dem ich du wir sie es wie auch",
    "French function words": "le la les des et est une un du dans pour que qui ne pas vous nous je il elle avec sur ce",
    "Spanish function words": "el los las y es una de en que por con para su lo más yo tú del al pero está",
    "Italian function words": "il lo gli di che è una non per con si sono del nel della anche perché",
    "Portuguese function words": "é um uma que não por com para em da você eu mais como muito seu sua",
}

# Classes that depend on what stands before the token in the same text.
PLACES = (
    "starts of a line", "starts of a sentence", "inside brackets", "inside quotation marks", "tokens seen before in the text",
)  # fmt: skip

NAMES: tuple[str, ...] = (*PATTERNS, *WORDS, *PLACES)

_compiled = {name: re.compile(pattern) for name, pattern in PATTERNS.items()}
_words = {name: frozenset(words.split()) for name, words in WORDS.items()}


def in_class(name: str, piece: str) -> bool:
    """Whether a token's text belongs to a class that its text alone decides. Raises KeyError for another name."""
    if name in _compiled:
        return _compiled[name].fullmatch(piece) is not None
    return piece.strip().lower() in _words[name]
