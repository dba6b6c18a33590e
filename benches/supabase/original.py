"""The program that the example server replaces, as far as `GET /users/{user_id}` goes, with one HTTP client for all requests.

As written it makes a client for each request, which takes longer than everything else together; that would be no contest.
"""

import os
from datetime import datetime, timedelta, timezone
from typing import Optional

import httpx
import uvicorn
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer, OAuth2PasswordRequestForm
from jose import JWTError, jwt
from pydantic import BaseModel

SECRET_KEY = os.environ["SECRET_KEY"]
SUPABASE_URL = os.environ["SUPABASE_URL"]
SUPABASE_KEY = os.environ["SUPABASE_KEY"]
HEADERS = {"apikey": SUPABASE_KEY, "Authorization": f"Bearer {SUPABASE_KEY}", "Content-Type": "application/json"}

app = FastAPI()
oauth2_scheme = OAuth2PasswordBearer(tokenUrl="token")
client = httpx.AsyncClient()


class User(BaseModel):
    email: str
    role: Optional[str] = None
    id: str
    tenant_id: str
    created_at: str


@app.post("/token")
async def token(form: OAuth2PasswordRequestForm = Depends()):
    expires = datetime.now(timezone.utc) + timedelta(minutes=30)
    return {"access_token": jwt.encode({"sub": form.username, "exp": expires}, SECRET_KEY, algorithm="HS256"), "token_type": "bearer"}


def current_user(token: str = Depends(oauth2_scheme)):
    try:
        email = jwt.decode(token, SECRET_KEY, algorithms=["HS256"]).get("sub")
    except JWTError:
        email = None
    if email != "test@example.com":
        raise HTTPException(status_code=401, detail="Could not validate credentials", headers={"WWW-Authenticate": "Bearer"})
    return email


@app.get("/users/{user_id}", response_model=User)
async def read_user(user_id: str, user: str = Depends(current_user)):
    response = await client.get(f"{SUPABASE_URL}/rest/v1/users?id=eq.{user_id}&select=*", headers=HEADERS)
    if response.status_code != 200:
        raise HTTPException(status_code=response.status_code, detail=response.text)
    return response.json()[0]


if __name__ == "__main__":
    # The access log of each would be most of its work.
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning")
