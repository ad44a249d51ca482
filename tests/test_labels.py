"""The label table: what it holds, and what is wrong in one line that names file and line."""

import numpy as np
import pytest
from conftest import ROOT

from tailcutmix.errors import UserError
from tailcutmix.labels import read_labels

HEADER = "id,name,train_id,category,has_instances,colour,average_instance_size"
ROWS = ["0,ground,0,ground,0,#804080,", "1,red ball,1,thing,1,#dc143c,12.5", "2,void,255,void,,#000000,"]


def write(folder, rows, header=HEADER, ending="\n", start=""):
    path = folder / "labels.csv"
    path.write_bytes((start + ending.join([header, *rows, ""])).encode())
    return path


def test_one_object_holds_name_slug_label_id_and_train_id():
    table = read_labels(ROOT / "config/labels/cityscapes.csv")
    light = table.class_of("traffic light")
    assert light is table.class_of("traffic_light") is table.classes[6]
    assert (light.name, light.slug, light.id, light.train_id) == ("traffic light", "traffic_light", 19, 6)
    assert [row.train_id for row in table.classes] == list(range(table.num_classes)) == list(range(19))
    assert all(table.to_train_id[row.id] == row.train_id for row in table.rows)
    assert all(table.to_label_id[row.train_id] == row.id for row in table.classes)
    assert np.flatnonzero(table.to_train_id != 255).tolist() == sorted(row.id for row in table.classes)
    with pytest.raises(UserError, match="no class is called 'lamp'; the classes are: road, sidewalk"):
        table.class_of("lamp")


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_tables_of_other_programs_are_read(tmp_path, ending, start):
    table = read_labels(write(tmp_path, ROWS, ending=ending, start=start))
    ball = table.class_of("red ball")
    assert ball.has_instances and ball.colour == (220, 20, 60) and ball.average_instance_size == 12.5
    assert not table.class_of("ground").has_instances and table.class_of("ground").average_instance_size is None


@pytest.mark.parametrize(
    ("words", "value"), [("yes", True), ("True", True), ("1", True), ("no", False), ("", False), ("0", False)]
)
def test_instances_are_said_in_several_words(tmp_path, words, value):
    path = write(tmp_path, [f"0,ground,0,ground,{words},#804080,", *ROWS[1:]])
    assert read_labels(path).class_of("ground").has_instances is value


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("1,ball,1,thing,0,#dc143c,big", "line 3: average_instance_size is 'big'"),
        ("1,ball,1,thing,0,#dc143c,nan", "line 3: average_instance_size is 'nan'"),
        ("1,ball,1,thing,perhaps,#dc143c,", "line 3: has_instances is 'perhaps'"),
        ("1,ball,1,thing,0,red,", "line 3: colour 'red'"),
        ("x,ball,1,thing,0,#dc143c,", "line 3: id must be a whole number from 0 to 254"),
        ("1,ball,1.5,thing,0,#dc143c,", "line 3: train_id must be a whole number from 0 to 255"),
        ("300,ball,1,thing,0,#dc143c,", "line 3: id must be"),
        ("1,ball,2,thing,0,#dc143c,", "train ids must be 0, 1, 2"),
        ("0,ball,1,thing,0,#dc143c,", "id 0 stands twice"),
        ("1,ground,1,thing,0,#dc143c,", "name ground stands twice"),
        ("1,../ball,1,thing,0,#dc143c,", "becomes a path"),
        ("1,,1,thing,0,#dc143c,", "a class has no name"),
        (f"1,{'b' * 101},1,thing,0,#dc143c,", "100 letters"),
        ("1,ball,1,thing,0,#dc143c,0", "average_instance_size is '0'"),
    ],
)
def test_mistakes_are_named(tmp_path, row, words):
    path = write(tmp_path, [ROWS[0], row, ROWS[2]])
    with pytest.raises(UserError) as error:
        read_labels(path)
    assert str(error.value).startswith(str(path)) and words in str(error.value) and "\n" not in str(error.value)


def test_two_names_of_one_path_are_refused(tmp_path):
    with pytest.raises(UserError, match="stands twice"):
        read_labels(write(tmp_path, ["0,red ball,0,a,0,#000000,", "1,red_ball,1,a,0,#000000,"]))
    assert len(read_labels(write(tmp_path, ["0,b,0,a,0,#000000,", "1,B,1,a,0,#000000,"])).classes) == 2


def test_a_missing_column_is_named(tmp_path):
    with pytest.raises(UserError, match="column train_id is missing"):
        read_labels(write(tmp_path, ["0,ground,ground,0,#804080,"], header=HEADER.replace("train_id,", "")))


@pytest.mark.parametrize("content", [b"", b"\n", b"\x89PNG\r\n\x1a\n\x00\xff", HEADER.encode()])
def test_what_is_no_table_is_one_line(tmp_path, content):
    (tmp_path / "labels.csv").write_bytes(content)
    with pytest.raises(UserError) as error:
        read_labels(tmp_path / "labels.csv")
    assert str(error.value).startswith(str(tmp_path)) and "\n" not in str(error.value)
