"""Makes the PDFs of this folder: `python make_pdfs.py`. Their facts are invented, their layout is that of real ones."""

# ruff: noqa: E501 (a paragraph of a manual is one line)

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reportlab.lib.pagesizes import A4, A5
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate, Spacer, Table

FOLDER = Path(__file__).parent
STYLES = getSampleStyleSheet()

KILN = """
# Halden K-60 kiln controller
Operating manual, edition 4 (June 2024), for devices from serial number 2200 onward
Halden Ceramics Equipment, Nordvik
|| Contents
|| 1 Safety, 2 Installation, 3 Operation, 4 Programs, 5 Error messages, 6 Maintenance, 7 Technical data
---
# 1 Safety
The controller switches voltages that can kill. Only an electrician may open the housing. Disconnect the kiln from the mains before any work on it; the key switch alone is not sufficient.
Never open the door above 150 degrees. Between 150 and 60 degrees it may be opened by a hand's breadth to cool the ware faster; below 60 degrees it may be opened fully.
Do not fire wet ware. It bursts. Pots must have dried for at least five days, thick ones for ten.
Persons with a cardiac pacemaker must keep a distance of one metre from the kiln while it is firing, because of the magnetic field of the contactor.
The emergency stop is the red button at the lower left. It cuts the heating, but the fan keeps running.
---
# 2 Installation
Mount the controller on a wall, at least 80 cm from the kiln and not above it. The room must be ventilated and must not become warmer than 40 degrees.
Connect the thermocouple with the compensating cable supplied: the green wire goes to terminal 7 and the white one to terminal 8. If the two are exchanged, the display falls when the kiln gets warmer.
The cable supplied is 3 m long. It may be extended to 10 m with the same type of cable (order number KX-10), never with copper wire.
The controller is delivered for thermocouples of type K. For type S change parameter P11 from 1 to 3.
After mounting, carry out a test firing with the empty kiln, program 9. It lasts 4 hours and burns off the oil of the heating elements; it smells, which is normal.
---
# 3 Operation
To start: turn the key to I, choose a program with the arrows, and hold START for three seconds. The lamp is yellow while the kiln is heating and green when it is cooling.
To delay the start, press CLOCK and set the hours, at most 24.
To stop a firing, press STOP twice. The controller remembers the program; it cannot be resumed, only begun again.
After a failure of the mains the controller resumes the firing by itself if the temperature has fallen by less than 50 degrees. If it has fallen further, the firing is ended and E7 is shown.
The keypad can be locked: hold both arrows for five seconds. The same unlocks it. The code for the service menu is printed on the warranty card.
---
# 4 Programs
Programs 1 to 6 are fixed; programs 7 and 8 are free; program 9 is the test firing.
|program|use|rise per hour|top temperature|soak
|1|bisque, slow|80 degrees|950|20 min
|2|bisque, fast|150 degrees|950|10 min
|3|earthenware glaze|150 degrees|1060|15 min
|4|stoneware glaze|120 degrees|1240|25 min
|5|porcelain|100 degrees|1280|30 min
|6|glass fusing|200 degrees|780|45 min
To write a program of your own choose 7 or 8 and press EDIT. A program has up to 12 steps, each with a rate, a temperature and a soak. Press EDIT again to save it.
Program 4 can be changed by the cone setting: cone 6 lowers its top temperature to 1222 degrees.
---
# 5 Error messages
|code|meaning|what to do
|E1|thermocouple broken|replace the thermocouple
|E2|thermocouple connected the wrong way round|exchange the wires at terminals 7 and 8
|E3|kiln does not heat|check the fuses and the door switch
|E4|kiln too hot, contactor stuck|disconnect from the mains at once, call service
|E5|rise too slow|elements are old; see section 6
|E7|mains failed for too long|begin the firing again
|E9|controller too warm|ventilate the room
E6 and E8 are not used.
An error is acknowledged with STOP. E4 cannot be acknowledged by the user.
---
# 6 Maintenance
Vacuum the elements every three months. Measure their resistance once a year: when it is 10 percent above the value on the plate, order new ones. They last for about 150 glaze firings or 300 bisque firings.
The thermocouple should be replaced every two years, the contactor after 100,000 operations (parameter P20 shows the count).
Clean the housing with a damp cloth. Do not use solvents.
# 7 Technical data
|supply|230 V, 50 Hz, 4 W without the kiln
|switching capacity|3 x 25 A
|range|0 to 1320 degrees
|accuracy|3 degrees below 1000, 5 degrees above
|memory|the last 20 firings
|weight|1.4 kg
|warranty|three years; wearing parts (elements, thermocouple) six months
Service: Monday to Thursday, 8 to 15 o'clock, telephone 0555 700 190. Spare parts are kept for twelve years after the end of production.
"""

TRIKE = """
# Pelikan cargo trike
Owner's handbook, models L and XL
Pelikan Radwerk, second edition
---
# Before the first ride
Read this handbook to the end; it takes about twenty minutes. Check the pressure of the tyres, the brakes and the lock of the box. The trike does not lean: take bends slowly, and practise in an empty yard before you carry a child.
The box of the model L bears 80 kg, that of the XL 120 kg. The whole trike, rider and load included, must not exceed 230 kg (L) or 270 kg (XL).
# Children
Up to three children may ride in the L, up to four in the XL. Every child must be belted. Babies under nine months may only be carried in the hammock (accessory 4410), and only in the XL. Children must wear helmets, though the law does not demand it.
The children's bench can be folded up without tools. The rain tent must not be used above 30 degrees, since it becomes hot inside within minutes.
---
# The battery
The battery is of 500 Wh (L) or 750 Wh (XL). It is charged indoors, between 5 and 35 degrees. A full charge takes four and a half hours for the L and six hours for the XL. With medium help the range is about 55 km for both.
In winter take the battery inside overnight. If the trike is not used for more than six weeks, store the battery half full, at 40 to 60 percent. Do not store it full.
If the lamp on the battery blinks red three times, it is too cold; if five times, it must go to the dealer. Never open it.
# Brakes
The trike has two disc brakes in front and a roller brake behind. The parking brake is the yellow lever; pull it whenever you load or leave the trike. New pads must be bedded in with thirty brakings from 20 km/h. Replace the pads when they are thinner than 1.5 mm.
---
# Care
|what|how often
|pressure of the tyres (3.5 bar front, 4.5 bar rear)|every two weeks
|chain: clean and oil|every 300 km
|spokes of the front wheels|after 200 km, then yearly
|inspection at the dealer|after 500 km, then every 2,500 km
|brake fluid|every two years
Wash the trike with a sponge. A high-pressure cleaner ruins the bearings, and the guarantee does not cover this.
# Guarantee
Five years on the frame, two years on all other parts, and two years or 600 charges on the battery, whichever comes first. The guarantee passes on to a second owner, but not to a third. It is void if the motor has been tuned.
Claims go to your dealer with the receipt. The frame number is stamped under the box, on the right.
"""


def story(text: str) -> list[Any]:
    """Return the flowables of a marked-up text: `#` heading, `|` row of a table, `||` small print, `---` new page."""
    flowables: list[Any] = []
    rows: list[list[str]] = []
    for line in [*text.strip().splitlines(), ""]:
        if line.startswith("|") and not line.startswith("||"):
            rows.append([Paragraph(cell, STYLES["BodyText"]) for cell in line[1:].split("|")])
            continue
        if rows:
            flowables += [Table(rows, hAlign="LEFT", style=[("GRID", (0, 0), (-1, -1), 0.3, "gray")]), Spacer(1, 8)]
            rows = []
        if line == "---":
            flowables.append(PageBreak())
        elif line.startswith("# "):
            flowables.append(Paragraph(line[2:], STYLES["Heading1"]))
        elif line:
            flowables.append(Paragraph(line.removeprefix("|| "), STYLES["BodyText"]))
    return flowables


def write_manual(name: str, text: str, title: str, author: str, footer: str) -> None:
    """Write a manual with a running footer and the number of each page."""

    def page(canvas: Canvas, _: SimpleDocTemplate) -> None:
        canvas.setFont("Helvetica", 8)
        canvas.drawString(40, 25, footer)
        canvas.drawRightString(A5[0] - 40, 25, f"Page {canvas.getPageNumber()}")

    document = SimpleDocTemplate(
        str(FOLDER / name), pagesize=A5, title=title, author=author, invariant=1, margin=40, bottomMargin=50
    )
    document.build(story(text), onFirstPage=page, onLaterPages=page)


def write_sheet(name: str, title: str, pages: Sequence[Sequence[tuple[int, str, str]]]) -> None:
    """Write pages of single words: (y, "left|at x 250|at x 380", right-aligned amount)."""
    canvas = Canvas(str(FOLDER / name), pagesize=A4, invariant=1)
    canvas.setTitle(title)
    for page in pages:
        canvas.setFont("Helvetica", 10)
        for y, texts, amount in page:
            for x, text in zip((60, 130, 390), texts.split("|"), strict=False):
                canvas.drawString(x, y, text)
            canvas.drawRightString(530, y, amount)
        canvas.showPage()
    canvas.save()


INVOICE = [
    (800, "Klavierwerkstatt Ostrander", ""),
    (786, "Tuning, repair and restoration of pianos since 1977", ""),
    (772, "Weberstrasse 41, Lindenau", ""),
    (730, "Ms. Philomena Drayton", ""),
    (716, "Am Kanal 3, Lindenau", ""),
    (680, "INVOICE No. 2025-0388", ""),
    (664, "Date of invoice: 27 October 2025", ""),
    (650, "Date of the work: 13 to 22 October 2025", ""),
    (636, "Instrument: Feurich upright, built 1926, number 28114", ""),
    (600, "Item|Description|Quantity", "Amount EUR"),
    (582, "1|Collection and return, two men|1", "180.00"),
    (566, "2|New hammer heads, set of 88|1", "1,240.00"),
    (550, "3|Strings, bass, copper-wound|14", "392.00"),
    (534, "4|Regulation of the action, hours at 68.00|11.5", "782.00"),
    (518, "5|Tuning to 440 Hz (2 of 3 free of charge)|3", "95.00"),
    (502, "6|Repair of the left castor|1", "45.00"),
    (486, "7|Key tops, ivory, from stock|2", "0.00"),
    (460, "|Sum of the items|", "2,734.00"),
    (444, "|Discount for members of the Music Society, 5 %|", "-136.70"),
    (428, "|Net amount|", "2,597.30"),
    (412, "|Value added tax 19 %|", "493.49"),
    (396, "|Total|", "3,090.79"),
    (380, "|Paid on account on 1 October 2025|", "-1,000.00"),
    (364, "|Amount due|", "2,090.79"),
    (
        330,
        "Please pay within 14 days of the date of the invoice. From the second reminder on we charge 10.00 euros.",
        "",
    ),
    (316, "On payment within 5 days you may deduct 2 % of the amount due.", ""),
    (302, "Guarantee on hammer heads and strings: five years, provided that the piano is tuned by us once a year.", ""),
    (288, "The work was done by Anselm Ostrander and his apprentice Lilo Behrens.", ""),
    (260, "Bank: Sparkasse Lindenau, IBAN DE00 1234 5678 9000 0000 42, owner A. Ostrander", ""),
]

ROWS = """02.09.2025|Membership fees, direct debit (38)|570.00
03.09.2025|Rent of the parish hall, September|-220.00
05.09.2025|Music shop Cantabile, scores "Requiem"|-312.45
08.09.2025|Donation, Mrs. E. Vandermeer|200.00
09.09.2025|Fee of the conductor, T. Bellweather|-650.00
11.09.2025|Bank charges|-7.90
12.09.2025|Membership fee returned, account closed (P. Long)|-15.00
15.09.2025|Insurance Concordia, yearly premium|-184.20
17.09.2025|Printing of posters, Rapid Druck|-96.80
19.09.2025|Tickets, advance sale|845.00
20.09.2025|Cash paid in, evening box office|1,312.00
22.09.2025|Fee of the soloist, soprano M. Iturbe|-900.00
22.09.2025|Fee of the soloist, bass K. Oduya|-850.00
23.09.2025|Hire of the organ positive|-275.00
24.09.2025|Grant of the city, Office for Culture|1,500.00
25.09.2025|Flowers, Blumen Jansen|-48.50
26.09.2025|Donation, anonymous|50.00
29.09.2025|Rent of the parish hall, October|-220.00
30.09.2025|Tax office, refund|63.17"""


def statement() -> list[list[tuple[int, str, str]]]:
    """Return the pages of the statement; the balance is computed from the rows."""
    rows = [row.split("|") for row in ROWS.splitlines()]
    opening = 2418.36
    closing = opening + sum(float(amount.replace(",", "")) for _, _, amount in rows)
    head = [
        (800, "Genossenschaftsbank Wiesental", ""),
        (784, "Statement of account No. 9/2025", ""),
        (768, "Owner: Kammerchor Wiesental e. V.", ""),
        (752, "Account 77 120 045", ""),
        (716, "Date|Text|", "Amount EUR"),
    ]
    first = [*head, (698, "01.09.2025|Opening balance|", f"{opening:,.2f}")]
    first += [(680 - 18 * at, f"{date}|{text}|", amount) for at, (date, text, amount) in enumerate(rows[:10])]
    first.append((120, "Sheet 1 of 2", ""))
    second = [*head]
    second += [(698 - 18 * at, f"{date}|{text}|", amount) for at, (date, text, amount) in enumerate(rows[10:])]
    second += [
        (520, "30.09.2025|Closing balance|", f"{closing:,.2f}"),
        (480, "Agreed overdraft: 1,000.00 EUR at 9.9 %. Please raise objections within six weeks.", ""),
        (466, "From 1 November the monthly charge rises from 7.90 EUR to 8.50 EUR.", ""),
        (120, "Sheet 2 of 2", ""),
    ]
    return [first, second]


if __name__ == "__main__":
    write_manual("kiln_manual.pdf", KILN, "Halden K-60 operating manual", "Halden", "Halden K-60, operating manual")
    write_manual("trike_handbook.pdf", TRIKE, "Pelikan cargo trike", "Pelikan Radwerk", "Pelikan owner's handbook")
    write_sheet("piano_invoice.pdf", "Invoice 2025-0388", [INVOICE])
    write_sheet("choir_statement.pdf", "Statement 9/2025", statement())
