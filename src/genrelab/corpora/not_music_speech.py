# ruff: noqa: RUF001 - other alphabets have letters that look like ours
"""Speech and crowds, by espeak-ng where it is installed: seventeen languages, eight voices."""

import io
import shutil
import subprocess
from collections.abc import Mapping

import numpy as np
import soundfile
import soxr

from genrelab.corpora.not_music_parts import Rng, unit
from genrelab.corpora.toy_sounds import Sound, place
from genrelab.errors import CorpusError

PROGRAM = "espeak-ng"
VOICES = ("m1", "f2", "m3", "f4", "m7", "f5", "klatt2", "whisper")
TEXTS: Mapping[str, tuple[str, ...]] = {
    "en-us": (
        "The next bus leaves from the other side of the square.",
        "I left my umbrella in the office, so we had better wait.",
        "Could you send me the figures before lunch, please?",
        "Nobody knew who had opened the window during the night.",
    ),
    "en-gb": (
        "The weather will turn cold tomorrow, with some rain in the north.",
        "She read the letter twice and put it back into the drawer.",
        "Mind the step, and keep to the left until you reach the gate.",
        "We bought bread, apples and two bottles of milk.",
    ),
    "de": (
        "Der Zug nach Hamburg hat heute zwanzig Minuten Verspätung.",
        "Kannst du bitte das Fenster zumachen, es wird kalt.",
        "Im Garten hinter dem Haus steht ein alter Kirschbaum.",
        "Wir treffen uns um halb acht vor der Bäckerei.",
    ),
    "fr": (
        "Le magasin ferme à dix-neuf heures, sauf le dimanche.",
        "Je ne trouve plus mes clés, elles étaient sur la table.",
        "Il a plu toute la nuit et la rivière a débordé.",
        "Pourriez-vous répéter votre question, s'il vous plaît?",
    ),
    "es": (
        "Mañana por la mañana tenemos que llamar al médico.",
        "La puerta estaba abierta y no había nadie en la casa.",
        "El perro de mi vecino duerme siempre al sol.",
        "¿Cuánto cuesta un billete de ida y vuelta?",
    ),
    "it": (
        "Domani mattina andiamo al mercato a comprare la frutta.",
        "Il treno è partito in orario dal secondo binario.",
        "Mi può dire dove si trova la farmacia più vicina?",
        "La finestra della cucina dà sul cortile.",
    ),
    "pt": (
        "O autocarro chega dentro de cinco minutos.",
        "Esqueci-me do livro em cima da mesa da cozinha.",
        "Hoje à tarde vai chover em todo o país.",
        "Pode falar mais devagar, por favor?",
    ),
    "nl": (
        "De winkel op de hoek is vandaag gesloten.",
        "Heb je de brief van gisteren al gelezen?",
        "Het water in de gracht staat hoger dan vorige week.",
        "We gaan morgen met de fiets naar het strand.",
    ),
    "pl": (
        "Jutro rano pojedziemy pociągiem do Krakowa.",
        "Czy mogę prosić o szklankę wody?",
        "Na stole leży gazeta z wczorajszego dnia.",
        "Dzieci bawią się w parku za szkołą.",
    ),
    "ru": (
        "Завтра утром мы поедем на дачу к бабушке.",
        "Скажите, пожалуйста, где находится вокзал?",
        "Вчера весь день шёл снег, и дороги замело.",
        "Я забыл зонтик в автобусе.",
    ),
    "sv": (
        "Tåget till Göteborg är försenat med en kvart.",
        "Kan du stänga dörren efter dig, är du snäll?",
        "I morgon blir det sol och lite vind från väster.",
        "Barnen plockade blåbär i skogen hela dagen.",
    ),
    "fi": (
        "Huomenna sataa lunta koko päivän.",
        "Missä on lähin apteekki, osaatteko sanoa?",
        "Kissa nukkuu ikkunalaudalla auringossa.",
        "Juna lähtee raiteelta neljä kymmenen minuutin kuluttua.",
    ),
    "tr": (
        "Yarın sabah erkenden yola çıkacağız.",
        "Bu otobüs şehir merkezine gidiyor mu?",
        "Komşumuzun bahçesinde büyük bir ceviz ağacı var.",
        "Lütfen pencereyi biraz açar mısınız?",
    ),
    "el": (
        "Αύριο το πρωί θα πάμε στην αγορά.",
        "Πού είναι η στάση του λεωφορείου, παρακαλώ;",
        "Το παράθυρο έμεινε ανοιχτό όλη τη νύχτα.",
        "Η γάτα κοιμάται κάτω από το τραπέζι.",
    ),
    "hi": (
        "कल सुबह हम बाज़ार जाएँगे।",
        "क्या आप मुझे स्टेशन का रास्ता बता सकते हैं?",
        "आज बहुत तेज़ बारिश हो रही है।",
        "मेरी किताब मेज़ पर रखी है।",
    ),
    "ar": (
        "سوف نسافر غدا في الصباح الباكر.",
        "أين تقع أقرب محطة من فضلك؟",
        "كان الباب مفتوحا ولم يكن أحد في البيت.",
        "الطقس بارد اليوم والسماء غائمة.",
    ),
    "cmn": (
        "明天早上我们坐火车去上海。",
        "请问最近的药店在哪里？",
        "昨天晚上下了一场大雨。",
        "我的书放在桌子上。",
    ),
}


def installed() -> bool:
    """Return whether there is a program that speaks."""
    return shutil.which(PROGRAM) is not None


def speaker(nth: int) -> tuple[str, str]:
    """Return language and voice of a speaker; languages take turns, and no two speakers are the same before 136."""
    turn, language = divmod(nth, len(TEXTS))
    return list(TEXTS)[language], VOICES[(turn + language) % len(VOICES)]


def speech(n: int, sample_rate: int, rng: Rng, language: str, voice: str) -> Sound:
    """Return somebody who says sentences in any order, with pauses, each clip at a speed and a pitch of its own.

    Parameters
    ----------
    n, sample_rate
        Length in samples, and Hz.
    rng
        Draws speed, pitch, order and pauses.
    language, voice
        A key of `TEXTS`, and one of `VOICES`.

    Raises
    ------
    CorpusError
        espeak-ng says no.
    """
    track = np.zeros(n, np.float32)
    words, pitch = int(rng.integers(110, 230)), int(rng.integers(15, 85))
    texts = TEXTS[language]
    order = rng.permutation(len(texts))
    at, turn = int(rng.uniform(0, 0.3) * sample_rate), 0
    while at < n:
        said = say(texts[order[turn % len(texts)]], language, voice, words, pitch, sample_rate)
        place(track, said, at)
        at += len(said) + int(rng.uniform(0.05, 0.6) * sample_rate)
        turn += 1
    return track


def crowd(n: int, sample_rate: int, rng: Rng, voices: int, languages: int) -> Sound:
    """Return several people who talk at once, near and far, in one language or in several."""
    tongues = rng.permutation(list(TEXTS))[:languages]
    track = np.zeros(n, np.float32)
    for number in range(voices):
        tongue, voice = str(tongues[number % languages]), str(rng.choice(VOICES[:-1]))
        track += np.float32(rng.uniform(0.2, 1.0)) * unit(speech(n, sample_rate, rng, tongue, voice))
    return track


def say(text: str, language: str, voice: str, words: int, pitch: int, sample_rate: int) -> Sound:
    """Return a sentence, said at some words a minute and a pitch of 0 to 99."""
    command = [PROGRAM, "-v", f"{language}+{voice}", "-s", str(words), "-p", str(pitch), "--stdout", "--", text]
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - our own sentences, no shell
    try:
        samples, rate = soundfile.read(io.BytesIO(done.stdout), dtype="float32")
    except soundfile.LibsndfileError:
        why = done.stderr.decode(errors="replace").strip() or f"it wrote no sound (exit status {done.returncode})"
        raise CorpusError(
            f"{PROGRAM} cannot speak {language} as {voice}: {why}; install it anew with its data"
        ) from None
    return np.asarray(samples if rate == sample_rate else soxr.resample(samples, rate, sample_rate), np.float32)
